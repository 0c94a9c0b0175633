// One notification for each alarm that begins, with the picture that follows it, or without when none comes in time.
const [camera, channel, what, kind] = msg.topic.split("/").slice(-4);
const key = `${camera}/${channel}/${kind}`;
const waiting = context.get("waiting") || {};
const seen = context.get("seen") || [];

const notify = (entry, picture) => {
    const text = entry.words.join(", ");
    const url = env.get("NOTIFY_URL");
    if (!url) {
        node.status({ fill: "yellow", shape: "ring", text: "set NOTIFY_URL in the tab's environment" });
    } else {
        node.status({ fill: "red", shape: "dot", text });
    }
    // The form of ntfy: the picture is the body, the words are headers; words beyond ASCII are encoded (RFC 2047).
    const word = (said) => `=?UTF-8?B?${Buffer.from(said).toString("base64")}?=`;
    const headers = { Title: word(`${entry.camera}: ${entry.kind}`), Priority: entry.kind === "fire" ? "5" : "4" };
    if (picture) {
        Object.assign(headers, { Message: word(text), Filename: `${entry.kind}.jpg`, "Content-Type": "image/jpeg" });
    } else {
        headers["Content-Type"] = "text/plain; charset=utf-8";
    }
    return { method: "POST", url, headers, payload: picture || text, alarm: entry.alarm };
};

if (what === "picture") {
    const entry = waiting[key];
    if (msg.retain || !entry || !Buffer.isBuffer(msg.payload)) {
        return null; // a retained picture is an older alarm's
    }
    delete waiting[key];
    context.set("waiting", waiting);
    return env.get("NOTIFY_URL") ? notify(entry, msg.payload) : (notify(entry), null);
}

const alarm = msg.payload;
if (alarm === null || typeof alarm !== "object" || alarm.phase !== "start" || seen.includes(alarm.id)) {
    return null; // events may be delivered twice: `id` tells
}
context.set("seen", [...seen, alarm.id].slice(-200));
if (!String(env.get("KINDS")).split(",").map((name) => name.trim()).includes(alarm.kind)) {
    return null;
}
const words = [alarm.level === "pre_alarm" ? "pre-alarm" : "alarm"];
if (typeof alarm.celsius === "number") { words.push(`${alarm.celsius.toFixed(1)} °C`); }
if (typeof alarm.difference_kelvin === "number") { words.push(`${alarm.difference_kelvin.toFixed(1)} K`); }
if (typeof alarm.distance_m === "number") { words.push(`${alarm.distance_m} m`); }
if (alarm.rule_name) { words.push(alarm.rule_name); }
if (alarm.late) { words.push(`told late, of ${alarm.at}`); }
const before = waiting[key]; // of two at once the picture belongs to the last one; the other is told in words
waiting[key] = { alarm, words, camera: alarm.camera, kind: alarm.kind };
context.set("waiting", waiting);
setTimeout(() => {
    const left = context.get("waiting") || {};
    if (left[key] && left[key].alarm.id === alarm.id) {
        const message = notify(left[key]);
        delete left[key];
        context.set("waiting", left);
        if (env.get("NOTIFY_URL")) { node.send(message); }
    }
}, Number(env.get("PICTURE_SECONDS")) * 1000);
const earlier = before ? notify(before) : null;
return env.get("NOTIFY_URL") ? earlier : null;
