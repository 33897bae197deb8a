// The output: the field, its legend and switches.

export const output = {
  "output.network": ["of the whole network", "신경망 전체"],
  "output.field": ["Values over the plane of X₁ and X₂: {name}", "X₁, X₂ 평면 위의 값: {name}"],
  "control.field": ["Output picture", "출력 그림"],
  "help.field": [
    "Every place of the plane is put into the network, and its answer is painted: the deeper the colour, the surer. The points are the training data. Point at a neuron in the network to see its own answer here.",
    "평면의 모든 지점을 신경망에 넣고 나온 답을 색으로 칠해요. 색이 짙을수록 확신한다는 뜻이에요. 점은 훈련 데이터예요. 신경망에서 뉴런을 가리키면 그 뉴런의 답을 여기서 볼 수 있어요.",
  ],
  "output.at": ["({x}, {y}): {value}", "({x}, {y}): {value}"],
  "output.showTestData": ["Show test data", "테스트 데이터 표시"],
  "output.showTestData.what": ["Diamonds: points that are kept from training", "마름모: 학습에 쓰지 않는 점"],
  "output.discretize": ["Decision only", "판정만 표시"],
  "output.discretize.what": ["The sign of the output alone, not how sure it is", "출력의 크기 없이 어느 쪽으로 판정했는지만 보여요"],
  "legend.class": ["Class {class}", "클래스 {class}"],
};
