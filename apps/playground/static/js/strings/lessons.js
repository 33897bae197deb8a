// The guided first run: tour and lessons. Two or three short sentences each, a goal, and what to look at.

export const lessons = {
  "coach.open": ["Guide", "길잡이"],
  "coach.close": ["Close the guide", "길잡이 닫기"],
  "coach.welcome": ["Watch a neural network learn", "신경망이 배우는 모습을 보세요"],
  "coach.welcome.text": [
    "The network in the middle learns to tell the orange points from the blue ones. Press Train, and the picture on the right shows what it has learnt.",
    "가운데 신경망이 주황색 점과 파란색 점을 구별하는 법을 배워요. 학습 단추를 누르면 무엇을 배웠는지 오른쪽 그림에 나타나요.",
  ],
  "coach.tour": ["What each part is", "화면 둘러보기"],
  "coach.tour.step": ["{step} of {steps}", "{steps}개 중 {step}번째"],
  "coach.tour.next": ["Next", "다음"],
  "coach.tour.back": ["Back", "이전"],
  "coach.tour.end": ["End the tour", "둘러보기 끝내기"],
  "coach.tour.done": ["Start the first lesson", "첫 수업 시작하기"],
  "coach.begin": ["First lesson", "첫 수업 시작"],
  "coach.lessons": ["Lessons", "수업"],
  "coach.setup": ["Set this up for me", "자동으로 준비하기"],
  "coach.next": ["Next lesson", "다음 수업"],
  "coach.back": ["All lessons", "수업 목록"],
  "coach.goal": ["Goal", "목표"],
  "coach.reached": ["reached", "달성했어요"],
  "coach.open.goal": ["not yet", "아직이에요"],
  "coach.done": ["Goal reached. Well done!", "목표를 달성했어요. 잘했어요!"],
  "coach.finished": ["done", "마침"],
  "coach.now": ["Test loss now: {loss}", "지금 테스트 손실: {loss}"],
  "coach.now.gap": ["Training loss {train}, test loss {test}", "훈련 손실 {train}, 테스트 손실 {test}"],
  "coach.hint": ["Stuck?", "막혔나요?"],

  "tour.data.title": ["Data", "데이터"],
  "tour.data.text": [
    "What the network learns from: points in the plane, each with a label, orange or blue. Choose a set, add noise, or draw your own.",
    "신경망이 배우는 재료예요. 평면 위의 점마다 주황색이나 파란색 레이블이 있어요. 데이터를 고르거나 노이즈를 더하거나 직접 그려 보세요.",
  ],
  "tour.features.title": ["Features", "특징"],
  "tour.features.text": [
    "What the network sees of a point: its coordinates, and if you like their squares, product and sines.",
    "신경망이 점을 보는 눈이에요. 두 좌표가 기본이고 제곱, 곱, 사인도 켤 수 있어요.",
  ],
  "tour.network.title": ["Network", "신경망"],
  "tour.network.text": [
    "Each square is a neuron; its picture shows where in the plane it answers high (blue) or low (orange). Lines are weights: thick is strong, blue positive, orange negative. Click one to change it.",
    "사각형은 뉴런이에요. 그 안의 그림은 평면의 어디에서 값이 큰지(파랑), 작은지(주황) 보여 줘요. 선은 가중치예요. 굵을수록 크고, 파란색은 양수, 주황색은 음수예요. 클릭하면 바꿀 수 있어요.",
  ],
  "tour.output.title": ["Output", "출력"],
  "tour.output.text": [
    "The network's answer everywhere in the plane, with the points on top. Training succeeds when the colours behind the points match them.",
    "평면 모든 곳에서 신경망이 내는 답과 점을 겹쳐 보여 줘요. 점과 배경의 색이 같아지면 잘 배운 거예요.",
  ],
  "tour.losses.title": ["Losses", "손실"],
  "tour.losses.text": [
    "How wrong the network still is: on the points it trains on, and on test points that it never sees. Smaller is better.",
    "신경망이 얼마나 틀리는지 보여 줘요. 학습에 쓰는 점과, 학습에 쓰지 않는 테스트 점에서 따로 재요. 작을수록 좋아요.",
  ],
  "tour.controls.title": ["Train, and how it learns", "학습과 설정"],
  "tour.controls.text": [
    "Train changes the weights, batch by batch, until you pause it. The strip below decides how: learning rate, activation, optimizer and more.",
    "학습을 누르면 멈출 때까지 한 묶음씩 보며 가중치를 바꿔요. 그 아래에서는 학습률, 활성화 함수, 최적화 방법 등을 정해요.",
  ],
  "tour.drawer.title": ["Backprop by hand", "손으로 하는 역전파"],
  "tour.drawer.text": [
    "The heart of the page: follow one point through the network and back, and see where every gradient comes from.",
    "이 페이지의 핵심이에요. 점 하나가 신경망을 지나갔다 돌아오는 길을 따라가며 모든 기울기가 어디서 오는지 봐요.",
  ],

  "lesson.circle.title": ["Circle: watch it learn", "원: 학습 지켜보기"],
  "lesson.circle.text": [
    "Just press Train. The weights change a little with every batch of points, and the picture bends until it fits.",
    "학습 단추만 눌러 보세요. 점을 한 묶음 볼 때마다 가중치가 조금씩 바뀌고, 그림이 데이터에 맞게 휘어요.",
  ],
  "lesson.circle.look": ["Watch the output picture, and both losses falling.", "출력 그림과 줄어드는 두 손실을 보세요."],
  "lesson.circle.goal.low": ["Test loss below 0.05", "테스트 손실 0.05 미만"],
  "lesson.circle.hint": ["Press Train at the top, or the space bar.", "위쪽의 학습 단추나 스페이스 바를 누르세요."],
  "lesson.xor.title": ["XOR: why layers are needed", "XOR: 층이 필요한 이유"],
  "lesson.xor.text": [
    "Without a hidden layer the network can only draw one straight border. No line parts these corners: press Train and see it fail.",
    "은닉층이 없으면 곧은 경계 하나만 그을 수 있어요. 직선으로는 이 네 모서리를 나눌 수 없어요. 학습을 눌러 실패를 확인해 보세요.",
  ],
  "lesson.xor.look": [
    "Then add a hidden layer with 4 neurons, or switch on the feature X₁X₂. Why does one feature suffice?",
    "그다음 뉴런 4개짜리 은닉층을 더하거나 특징 X₁X₂를 켜 보세요. 왜 특징 하나로 충분할까요?",
  ],
  "lesson.xor.goal.straight": ["See it fail: 20 epochs without a layer", "실패 확인: 은닉층 없이 20에포크"],
  "lesson.xor.goal.low": ["Mend it: test loss below 0.05", "해결: 테스트 손실 0.05 미만"],
  "lesson.xor.hint": [
    "The sign of X₁X₂ is the label itself. A hidden layer has to build that product from bends.",
    "X₁X₂의 부호가 곧 레이블이에요. 은닉층은 이 곱을 꺾인 경계 여러 개로 만들어야 해요.",
  ],
  "lesson.spiral.title": ["Spiral: features beat layers", "나선: 층보다 특징"],
  "lesson.spiral.text": [
    "The hardest set. Two layers of 8 neurons on X₁ and X₂ alone are slow and often stuck. Good features make it easy.",
    "가장 어려운 데이터예요. 8개씩 두 층이 있어도 X₁과 X₂만으로는 느리고 자주 막혀요. 특징을 잘 고르면 쉬워져요.",
  ],
  "lesson.spiral.look": [
    "Train for a while, then switch on sin X₁ and sin X₂ and compare. Two to three layers of 8 to 12 neurons are enough.",
    "잠시 학습한 뒤 sin X₁과 sin X₂를 켜고 비교해 보세요. 8~12개짜리 층 2~3개면 충분해요.",
  ],
  "lesson.spiral.goal.features": ["Switch on sin X₁ and sin X₂", "sin X₁과 sin X₂ 켜기"],
  "lesson.spiral.goal.low": ["Test loss below 0.05", "테스트 손실 0.05 미만"],
  "lesson.spiral.hint": [
    "With sin X₁ and sin X₂ about a hundred epochs are enough; without them thousands may not be.",
    "sin X₁과 sin X₂를 켜면 100에포크쯤이면 충분해요. 없으면 수천 에포크로도 모자랄 수 있어요.",
  ],
  "lesson.overfitting.title": ["Overfitting: learning by heart", "과적합: 통째로 외우기"],
  "lesson.overfitting.text": [
    "Few points, much noise, a large network: it learns the points by heart, noise included. Training loss falls while test loss rises.",
    "점은 적고 노이즈는 많고 신경망은 커요. 그러면 노이즈까지 통째로 외워서 훈련 손실은 줄지만 테스트 손실은 커져요.",
  ],
  "lesson.overfitting.look": [
    "Watch the two curves draw apart. Then bring them together: with more training data, or with regularization.",
    "두 곡선이 벌어지는 것을 보세요. 그다음 훈련 데이터를 늘리거나 규제를 써서 다시 가깝게 해 보세요.",
  ],
  "lesson.overfitting.goal.gap": ["Test loss over twice the training loss", "테스트 손실이 훈련 손실의 두 배 넘기"],
  "lesson.overfitting.goal.closer": ["Mend it: test loss below 1.5 × training loss, after 100 epochs", "해결: 100에포크 뒤 테스트 손실이 훈련 손실의 1.5배 미만"],
  "lesson.overfitting.hint": [
    "Try 70 % of the data for training, or L2 with rate 0.1.",
    "훈련 데이터 비율을 70%로 하거나 L2 규제를 강도 0.1로 써 보세요.",
  ],
  "lesson.diverge.title": ["Too fast: divergence", "너무 빠르면: 발산"],
  "lesson.diverge.text": [
    "The learning rate is how far each step goes. At 3 the steps overshoot, each one worse than the last, until the loss bursts.",
    "학습률은 한 걸음의 크기예요. 3이면 걸음마다 목표를 지나쳐 점점 나빠지다가 손실이 폭발해요.",
  ],
  "lesson.diverge.look": [
    "Press Train and watch the loss burst. Then take a learning rate of 0.03 and reset.",
    "학습을 눌러 손실이 폭발하는 것을 보세요. 그다음 학습률을 0.03으로 낮추고 초기화하세요.",
  ],
  "lesson.diverge.goal.burst": ["See the loss burst", "손실이 폭발하는 것 보기"],
  "lesson.diverge.goal.mended": ["Mend it: test loss below 0.03", "해결: 테스트 손실 0.03 미만"],
  "lesson.diverge.hint": [
    "Lowering the rate alone is not enough: the weights are far off already. Reset brings the first ones back.",
    "학습률만 낮춰서는 부족해요. 가중치가 이미 너무 멀리 갔으니 초기화해서 처음 가중치로 돌아가세요.",
  ],
  "lesson.byhand.title": ["Backprop by hand", "손으로 하는 역전파"],
  "lesson.byhand.text": [
    "One point, forward to its loss and backward to every gradient, one neuron at a time. Each number shows the formula it came from.",
    "점 하나가 앞으로 가며 손실을 만들고, 거꾸로 오며 뉴런마다 기울기를 만들어요. 숫자마다 어떤 식에서 나왔는지 보여요.",
  ],
  "lesson.byhand.look": [
    "Choose a point below and walk to the last step. Then click the line in the network whose gradient is the largest.",
    "아래에서 점을 고르고 마지막 단계까지 가 보세요. 그다음 신경망에서 기울기가 가장 큰 연결선을 클릭하세요.",
  ],
  "lesson.byhand.goal.walked": ["Walk to the last step", "마지막 단계까지 가기"],
  "lesson.byhand.goal.largest": ["Click the weight with the largest gradient", "기울기가 가장 큰 가중치 클릭하기"],
  "lesson.byhand.hint": [
    "The last step lists all gradients, the largest first. In w with 2,1 below, the line comes from neuron 1 and goes to neuron 2.",
    "마지막 단계의 표는 기울기가 큰 순서예요. w 아래의 2,1은 1번 뉴런에서 2번 뉴런으로 가는 연결을 뜻해요.",
  ],
};
