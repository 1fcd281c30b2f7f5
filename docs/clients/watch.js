// Watches one channel of the gateway's WebSockets: every frame, in order, over as many connections as that takes.
//
//   const stop = watch({
//     url: "wss://ws.gateway.example/ws/transaction/" + paymentId,
//     credential: async () => (await fetch("/my-own-server/ticket")).json(), // {ticket}, new each time; or {token}
//     onFrame: (frame) => { if (frame.type === "resync_required") forget(); else show(frame.data); },
//   });
//
// What your server answers there is what it got from POST /api/v1/ws-tickets. `credential` may say {stop: true}.

const LONGEST_PAUSE_MS = 30000;

export function watch({ url, credential, onFrame }) {
  const placeName = url.includes("/ws/user/") ? "cursor" : "sequence";
  let place = null; // behind which the next connection goes on
  let failures = 0, socket = null, timer = null, stopped = false;

  function address(ticket) {
    const query = new URLSearchParams({ ...(ticket && { ticket }), ...place });
    return `${url}?${query}`;
  }

  async function connect() {
    const given = await credential().catch(() => ({}));
    if (stopped || given.stop) return;
    if (!given.ticket && !given.token) return again({});
    const mine = new WebSocket(address(given.ticket), given.token ? ["gateway.v1", `token.${given.token}`] : ["gateway.v1"]);
    socket = mine;
    mine.onmessage = (message) => { if (socket === mine) take(mine, JSON.parse(message.data)); };
    mine.onclose = (closed) => over(mine, closed.reason);
    mine.onerror = () => over(mine, ""); // some say no more than this when nobody answers
  }

  function over(ended, reason) {
    if (socket !== ended) return;
    socket = null;
    again(hint(reason));
  }

  function take(mine, frame) {
    try { onFrame(frame); } catch (error) { over(mine, ""); mine.close(); throw error; } // and comes again
    failures = 0;
    place = frame.type === "resync_required" ? null : { after: frame[placeName], epoch: frame.epoch };
  }

  function hint(reason) {
    try { return JSON.parse(reason); } catch { return {}; } // cut off: nobody said why
  }

  function again({ reconnect_ms: asked }) {
    if (stopped) return;
    const longest = Math.min(500 * 2 ** failures, LONGEST_PAUSE_MS);
    failures += 1;
    timer = setTimeout(connect, asked ?? Math.random() * longest);
  }

  connect();
  return () => { const last = socket; stopped = true; socket = null; clearTimeout(timer); last?.close(1000); };
}
