// What the server refuses, and what happens by itself; error.CODE as in errors.py, {names} from the details.

export const errors = {
  "error.setting_unknown": ["There is no setting {key}.", "{key}(이)라는 설정은 없어요."],
  "error.setting_value": ["{key} can't be {value}. Allowed: {allowed}.", "{key}에는 {value}을(를) 쓸 수 없어요. 쓸 수 있는 값: {allowed}."],
  "allowed.number": ["a number from {min} to {max}", "{min}부터 {max}까지의 수"],
  "allowed.above": ["a number above {min}, at most {max}", "{min}보다 크고 {max} 이하인 수"],
  "allowed.whole": ["a whole number from {min} to {max}", "{min}부터 {max}까지의 정수"],
  "allowed.flag": ["true or false", "true 또는 false"],
  "allowed.shape": ["up to {layers} layers of {min} to {max} neurons", "{layers}층까지, 층마다 뉴런 {min}~{max}개"],
  "error.features_none": ["At least one feature must stay switched on.", "특징은 적어도 하나 켜 두어야 해요."],
  "error.loss_needs": [
    "The loss {loss} can't learn the data {data}: they need the loss {needs}.",
    "손실 함수 {loss}(으)로는 {data} 데이터를 배울 수 없어요. {needs}이(가) 필요해요.",
  ],
  "error.points_none": ["There are no points to learn from. Draw some, or load a CSV file.", "배울 점이 없어요. 점을 그리거나 CSV 파일을 불러오세요."],
  "error.points_many": ["These are {count} points; {most} is the most.", "점이 {count}개예요. {most}개까지만 쓸 수 있어요."],
  "error.points_shape": ["Points are triples x, y, label; {value} is not.", "점은 x, y, 레이블 세 수여야 하는데 {value}은(는) 그렇지 않아요."],
  "error.points_number": [
    "Point {index} has {value} as its {name}: it must be a number from -1000000 to 1000000.",
    "{index}번째 점의 {name} 값이 {value}예요. -1000000부터 1000000까지의 수여야 해요.",
  ],
  "error.points_label": [
    "Point {index} has the label {value}. Two classes are −1 and 1, or 0 and 1; up to five are 0, 1, 2, 3, 4.",
    "{index}번째 점의 레이블이 {value}예요. 클래스가 둘이면 −1과 1(또는 0과 1), 다섯까지는 0, 1, 2, 3, 4를 쓰세요.",
  ],
  "error.csv_large": ["The file has {bytes} bytes; {most} is the most.", "파일이 {bytes}바이트예요. {most}바이트까지만 읽을 수 있어요."],
  "error.csv_number": ["Line {line}: {text} is not a number.", "{line}번째 줄: {text}은(는) 수가 아니에요."],
  "error.csv_columns": [
    "Line {line} must have 3 columns (x, y, label), not {count}: {text}",
    "{line}번째 줄의 열이 {count}개예요. x, y, 레이블 세 열이어야 해요: {text}",
  ],
  "error.csv_finite": [
    "Line {line}: {text} is not a number from -1000000 to 1000000.",
    "{line}번째 줄: {text}은(는) -1000000부터 1000000까지의 수가 아니에요.",
  ],
  "error.csv_many": ["Line {line} is one point too many: {most} is the most.", "{line}번째 줄에서 점이 {most}개를 넘었어요."],
  "error.csv_label": [
    "Line {line} has the label {text}. Two classes are −1 and 1, or 0 and 1; up to five are 0, 1, 2, 3, 4.",
    "{line}번째 줄의 레이블이 {text}예요. 클래스가 둘이면 −1과 1(또는 0과 1), 다섯까지는 0, 1, 2, 3, 4를 쓰세요.",
  ],
  "error.csv_none": ["The file has no points.", "파일에 점이 하나도 없어요."],
  "error.message_large": ["This is too much at once: {most} bytes is the most.", "한 번에 보내기에는 너무 커요. {most}바이트까지 보낼 수 있어요."],
  "error.message_json": ["The server could not read what the page sent.", "페이지가 보낸 내용을 서버가 읽지 못했어요."],
  "error.message_many": ["The page asked for too much at once; wait a moment.", "한꺼번에 너무 많이 요청했어요. 잠시 기다려 주세요."],
  "error.message_number": ["{text} is not a number the server can take.", "{text}은(는) 서버가 받을 수 있는 수가 아니에요."],
  "error.message_type": ["The page asked for something the server does not know: {type}.", "서버가 모르는 요청이에요: {type}"],
  "error.message_key": ["The page asked in a way the server does not understand: {type}, {key}.", "서버가 알아듣지 못한 요청이에요: {type}, {key}"],
  "error.failed": [
    "Something went wrong in the server: {what}. Its terminal says more.",
    "서버에서 문제가 생겼어요: {what}. 자세한 내용은 서버를 켠 터미널에 있어요.",
  ],
  "error.diverged": [
    "The network's numbers are no longer finite. Lower the learning rate, then reset.",
    "신경망의 값이 무한대가 되었어요. 학습률을 낮추고 초기화하세요.",
  ],
  "error.batch_large": [
    "A batch of {batch} is more than the {points} points for training: nothing would be learnt. Choose a smaller batch.",
    "배치 크기 {batch}이(가) 훈련 점 {points}개보다 커서 아무것도 배우지 못해요. 배치 크기를 줄여 주세요.",
  ],
  "error.neuron_place": ["The network has no such neuron: {place}.", "신경망에 그런 뉴런은 없어요: {place}"],
  "error.weight_place": ["The network has no such weight or bias: {place}.", "신경망에 그런 가중치나 편향은 없어요: {place}"],
  "error.weight_value": ["A weight can't be {value}: it is a number from -{most} to {most}.", "가중치에는 {value}을(를) 쓸 수 없어요. -{most}부터 {most}까지의 수여야 해요."],

  "event.stopped": ["Stopped by itself, as you asked: {why}.", "정해 둔 대로 멈췄어요: {why}."],
  "event.stopped.loss": ["the test loss is {loss} or less", "테스트 손실이 {loss} 이하예요"],
  "event.stopped.epoch": ["epoch {epoch} is reached", "{epoch}에포크에 이르렀어요"],
  "event.waiting": [
    "Four pages are training already; this one starts as soon as a place is free.",
    "이미 네 곳에서 학습하고 있어요. 자리가 나면 바로 시작해요.",
  ],
  "event.diverged": [
    "The training diverged at epoch {epoch}: {what} is no longer finite. Updates were so large that each made the error larger. Lower the learning rate, then reset.",
    "{epoch}에포크에서 학습이 발산했어요. {what} 더는 유한한 수가 아니에요. 갱신이 너무 커서 고칠수록 오차가 더 커졌어요. 학습률을 낮추고 초기화하세요.",
  ],
  "diverged.sum": ["the weighted sum of a neuron in layer {layer}", "{layer}번째 층 뉴런의 가중합이"],
  "diverged.activation": ["the output of a neuron in layer {layer}", "{layer}번째 층 뉴런의 출력이"],
  "diverged.loss": ["the loss", "손실이"],
  "diverged.gradient": ["a gradient in layer {layer}", "{layer}번째 층의 기울기가"],
  "diverged.weight": ["a weight in layer {layer}", "{layer}번째 층의 가중치가"],
  "diverged.something": ["a number of the network", "신경망의 어떤 값이"],
  "diverged.reset": ["Reset with a tenth of the learning rate", "학습률을 1/10로 낮추고 초기화"],
};
