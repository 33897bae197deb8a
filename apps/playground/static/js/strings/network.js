// The page's regions, and the network in the middle.

export const network = {
  "page.title": ["kernelgrad playground", "kernelgrad 놀이터"],
  "page.playground": ["playground", "놀이터"],
  "page.skip": ["Skip to the network", "신경망으로 건너뛰기"],
  "page.transport": ["Training", "학습 조작"],
  "page.tools": ["Tools", "도구"],
  "page.controls": ["Hyperparameters", "하이퍼파라미터"],
  "page.data": ["Data", "데이터"],
  "page.network": ["Network", "신경망"],
  "page.output": ["Output", "출력"],
  "page.coach": ["Guided first run", "길잡이"],
  "page.drawer": ["Backprop by hand, table, about", "손으로 하는 역전파, 표, 소개"],
};
