// The output: the field, its legend and switches.

export const output = {
  "output.network": ["of the whole network", "신경망 전체"],
  "output.field": ["Values over the plane of X₁ and X₂: {name}", "X₁, X₂ 평면 위의 값: {name}"],
  "output.at": ["({x}, {y}): {value}", "({x}, {y}): {value}"],
  "output.showTestData": ["Show test data", "테스트 데이터 표시"],
  "output.showTestData.what": ["Diamonds: points that are kept from training", "마름모: 학습에 쓰지 않는 점"],
  "output.discretize": ["Decision only", "판정만 표시"],
  "output.discretize.what": ["The sign of the output alone, not how sure it is", "출력의 크기 없이 어느 쪽으로 판정했는지만 보여요"],
  "legend.class": ["Class {class}", "클래스 {class}"],
};
