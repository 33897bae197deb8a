// Dialogs: the list of keys.

export const dialogs = {
  "dialog.close": ["Close", "닫기"],
  "keys.title": ["Keyboard", "키보드"],
  "keys.help": ["This list", "이 목록"],
  "keys.tab": ["From one control to the next", "다음 조작으로 이동"],
  "keys.arrows": ["Between neurons, weights, data sets, steps", "뉴런, 가중치, 데이터, 단계 사이 이동"],
  "keys.enter": ["Open a neuron's weights, change one, press a button", "뉴런의 가중치 열기, 값 바꾸기, 단추 누르기"],
  "keys.escape": ["Close what is open", "열린 것 닫기"],
};
