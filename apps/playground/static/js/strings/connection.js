// The page itself, and its tie to the server.

export const connection = {
  "notice.dropped": [
    "The address had something that can't be, and it was left out: {parts}",
    "주소에 쓸 수 없는 값이 있어서 빼고 시작했어요: {parts}",
  ],
  "notice.pointsLost": [
    "Your own points are too many to be sent again. Load them from their file.",
    "직접 만든 점이 너무 많아서 다시 보내지 못했어요. 파일에서 다시 불러와 주세요.",
  ],
  "notice.close": ["Close this message", "알림 닫기"],
  "connection.connecting": ["Connecting …", "연결하는 중 …"],
  "connection.open": ["Connected", "연결됨"],
  "connection.lost": [
    "The server is gone. Start it again with “make playground”: this page goes on from its address.",
    "서버와 연결이 끊겼어요. “make playground”로 다시 켜 주세요. 이 페이지는 주소에 적힌 그대로 이어져요.",
  ],
  "connection.restarted": [
    "The server is back. The training starts anew, from the same data and weights.",
    "서버가 돌아왔어요. 같은 데이터와 같은 초기 가중치로 학습을 처음부터 시작해요.",
  ],
  "connection.resumed": ["Connected again: the training goes on where it was.", "다시 연결됐어요. 하던 학습을 이어서 해요."],
  "connection.busy": [
    "All places of the server are taken. Close another tab of the playground; this one tries again every few seconds.",
    "서버에 빈자리가 없어요. 열려 있는 다른 놀이터 탭을 닫아 주세요. 몇 초마다 다시 시도해요.",
  ],
  "connection.refused": [
    "This address is missing its key. Open the address that “make playground” printed: it ends in #token=…",
    "주소에 열쇠가 없거나 달라요. “make playground”가 출력한, #token=…으로 끝나는 주소로 열어 주세요.",
  ],
  "connection.replaced": ["This training has moved to another tab.", "이 학습은 다른 탭에서 이어지고 있어요."],
  "connection.here": ["Continue here", "여기서 이어하기"],
  "connection.retry": ["Try again", "다시 시도"],
};
