// The bridge says every 30 s that it lives. Shout when it stops, or says that it goes; say when it is back.
// Output 1: the notification. Output 2: {alive, why} for whatever else shall know.
const state = context.get("state") || { heard: Date.now(), alive: null };
context.set("state", state);

const tell = (alive, why) => {
    const before = state.alive;
    state.alive = alive;
    context.set("state", state);
    node.status({ fill: alive ? "green" : "red", shape: "dot", text: why });
    if (before === alive || (before === null && alive)) {
        return; // at the start silence is news, life is not
    }
    const title = alive ? "Thermal cameras are watched again" : "Thermal cameras are NOT watched";
    const headers = { Title: title, Priority: alive ? "3" : "5", "Content-Type": "text/plain; charset=utf-8" };
    const url = env.get("NOTIFY_URL");
    if (!url) { node.warn(`${title}: ${why} (set NOTIFY_URL in the tab's environment to be told)`); }
    node.send([url ? { method: "POST", url, headers, payload: why } : null, { payload: { alive, why } }]);
};
const look = (after, why) => setTimeout(() => {
    if (state.alive !== false && Date.now() - state.heard >= after - 10) {
        tell(false, why);
    }
}, after);
const seconds = Number(env.get("SILENT_SECONDS"));

if (String(msg.topic).endsWith("/bridge/heartbeat")) {
    state.heard = Date.now();
    tell(true, "alive");
} else if (String(msg.topic).endsWith("/bridge/state")) {
    if (msg.payload === "offline") {
        look(Number(env.get("OFFLINE_SECONDS")) * 1000, "the bridge has ended");
    }
    return null;
}
look(seconds * 1000, `nothing was heard of the bridge for ${seconds} s: it, the broker or the network has failed`);
return null;
