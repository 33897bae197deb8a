// The drawer's tabs, the table view, and what the page says about itself.

export const table = {
  "drawer.tabs": ["Below the network", "신경망 아래"],
  "drawer.close": ["Close", "닫기"],
  "drawer.byhand": ["Backprop by hand", "손으로 하는 역전파"],
  "drawer.table": ["Table", "표"],
  "drawer.about": ["About", "소개"],

  "table.what": ["Shown in the table", "표에 보일 값"],
  "table.weights": ["Weights", "가중치"],
  "table.gradients": ["Gradients", "기울기"],
  "table.updates": ["Last update", "최근 갱신"],
  "table.intro": [
    "One row a neuron, one column for each input. Type a number to change a weight or a bias.",
    "행은 뉴런, 열은 입력이에요. 수를 입력하면 가중치나 편향이 바뀌어요.",
  ],
  "table.introRead": ["One row a neuron, one column for each input.", "행은 뉴런, 열은 입력이에요."],
  "table.layer": ["Hidden layer {layer}", "은닉층 {layer}"],
  "table.output": ["Output layer", "출력층"],
  "table.neuron": ["Neuron", "뉴런"],
  "table.from": ["from {neuron}", "{neuron}번에서"],
  "table.bias": ["Bias", "편향"],
  "table.noNumber": ["“{text}” is not a number.", "“{text}”은(는) 수가 아니에요."],

  "about.what.title": ["What this is", "무엇인가요"],
  "about.what": [
    "A small neural network that you build, train and look into, down to the gradient of every weight. Nothing you do here can break anything: reset brings the same weights back.",
    "작은 신경망을 직접 만들고 학습시키며 가중치 하나하나의 기울기까지 들여다보는 페이지예요. 무엇을 해도 고장 나지 않아요. 초기화하면 같은 가중치로 돌아와요.",
  ],
  "about.engine.title": ["What computes", "무엇으로 계산하나요"],
  "about.engine": [
    "kernelgrad, a reverse-mode automatic differentiation engine written in Python and C, runs on the computer that serves this page and trains in double precision. Backprop by hand shows its own numbers, and beside each gradient the slope found by forward passes alone.",
    "파이썬과 C로 만든 역방향 자동 미분 엔진 kernelgrad가 이 페이지를 연 컴퓨터에서 배정밀도로 학습해요. ‘손으로 하는 역전파’는 엔진이 계산한 숫자를 그대로 보여 주고, 기울기 옆에는 순전파만으로 잰 값을 함께 보여 줘요.",
  ],
  "about.original.title": ["Whose idea it is", "누구의 아이디어인가요"],
  "about.original": [
    "TensorFlow Playground, by Daniel Smilkov, Shan Carter and others at Google, is the page that made this idea known. Its links work here, and with squared loss and SGD training follows the same rules. None of its code is used.",
    "이 아이디어를 널리 알린 것은 구글의 대니얼 스밀코프와 샨 카터 등이 만든 텐서플로 플레이그라운드예요. 그 링크는 여기서도 열리고, 제곱 손실과 SGD를 쓰면 같은 규칙으로 학습해요. 코드는 가져오지 않았어요.",
  ],
  "about.compatible": ["Training is compatible with it now.", "지금은 같은 규칙으로 학습해요."],
  "about.notCompatible": [
    "Training is not compatible with it now: the loss function or the optimizer is another.",
    "지금은 손실 함수나 최적화 방법이 달라서 같은 규칙이 아니에요.",
  ],
  "about.privacy.title": ["Your data", "내 데이터"],
  "about.privacy": [
    "Points and files stay on the computer that serves this page. A shared link holds the settings, both seeds and up to 500 points of your own, so that training replays exactly.",
    "점과 파일은 이 페이지를 연 컴퓨터에만 있어요. 공유 링크에는 설정과 두 시드, 그리고 직접 만든 점 500개까지 담겨서 학습이 그대로 재현돼요.",
  ],
};
