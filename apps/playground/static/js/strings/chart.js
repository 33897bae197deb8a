// Losses, accuracy and the chart of losses.

export const chart = {
  "losses.caption": ["Loss and accuracy now", "지금의 손실과 정확도"],
  "losses.train": ["Training", "훈련"],
  "losses.test": ["Test", "테스트"],
  "losses.loss": ["Loss", "손실"],
  "losses.accuracy": ["Accuracy", "정확도"],
  "losses.r2": ["R²", "R²"],
  "verdict.overfit": ["Overfitting", "과적합"],
  "verdict.overfit.text": [
    "The training loss went on falling while the test loss rose from its lowest: the network is learning its points by heart, noise and all, instead of what they have in common.",
    "훈련 손실은 계속 줄었는데 테스트 손실은 바닥을 찍고 다시 늘었어요. 점들의 공통된 규칙이 아니라 노이즈까지 통째로 외우고 있다는 뜻이에요.",
  ],
  "verdict.overfit.try": [
    "Try more training data, less noise, fewer neurons, or L2 regularization.",
    "훈련 데이터를 늘리거나, 노이즈나 뉴런을 줄이거나, L2 규제를 써 보세요.",
  ],
  "verdict.diverged": ["Diverged", "발산"],
  "verdict.diverged.text": [
    "The updates were so large that each made the error larger, until the numbers left what a computer can hold.",
    "갱신이 너무 커서 고칠수록 오차가 더 커졌고, 결국 값이 컴퓨터가 다룰 수 있는 범위를 벗어났어요.",
  ],
  "verdict.diverged.try": ["Lower the learning rate, then reset.", "학습률을 낮추고 초기화하세요."],
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
