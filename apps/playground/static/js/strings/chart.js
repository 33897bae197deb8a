// Losses, accuracy and the chart of losses.

export const chart = {
  "losses.caption": ["Loss and accuracy now", "지금의 손실과 정확도"],
  "losses.train": ["Training", "훈련"],
  "losses.test": ["Test", "테스트"],
  "losses.loss": ["Loss", "손실"],
  "losses.accuracy": ["Accuracy", "정확도"],
  "losses.r2": ["R²", "R²"],
  "losses.overfit": [
    "The test loss rises while the training loss falls: the network is learning its points by heart (overfitting).",
    "훈련 손실은 줄어드는데 테스트 손실이 늘고 있어요. 훈련 점을 외우고 있다는 뜻이에요(과적합).",
  ],
  "chart.title": ["Loss over epochs", "에포크별 손실"],
  "chart.epoch": ["epoch", "에포크"],
  "chart.loss": ["loss", "손실"],
  "chart.scale": ["Scale of the losses", "손실 축"],
  "chart.linear": ["Linear", "선형"],
  "chart.log": ["Log", "로그"],
  "chart.read": ["Epoch {epoch}: training loss {train}, test loss {test}", "{epoch}에포크: 훈련 손실 {train}, 테스트 손실 {test}"],
  "chart.reading.epoch": ["Epoch {epoch}", "{epoch}에포크"],
  "chart.reading.train": ["Training {train}", "훈련 {train}"],
  "chart.reading.test": ["Test {test}", "테스트 {test}"],
  "chart.summary": [
    "Chart of losses. At epoch {epoch}: training loss {train}, test loss {test}. Arrow keys read other epochs.",
    "손실 그래프. {epoch}에포크에서 훈련 손실 {train}, 테스트 손실 {test}. 화살표 키로 다른 에포크를 읽을 수 있어요.",
  ],
  "chart.empty": ["Chart of losses, still empty.", "손실 그래프. 아직 비어 있어요."],
};
