// How a rule's temperature goes: least squares over the last minutes. Output 1: every reading. Output 2: begins and ends to rise fast.
const [camera, channel, , rule] = msg.topic.split("/").slice(-4);
const key = `${camera}/${channel}/${rule}`;
const all = context.get("series") || {};
const reading = msg.payload;

if (reading === null || typeof reading !== "object") {
    delete all[key]; // the rule is no more: its topic was cleared
    context.set("series", all);
    return null;
}
const value = [reading.max, reading.value, reading.average, reading.centre, reading.difference].find((one) => typeof one === "number");
const at = Date.parse(reading.at);
if (value === undefined || Number.isNaN(at) || reading.stale || reading.frozen) {
    return null; // an old value is no value
}
let series = all[key];
if (!series || series.unit !== reading.unit) {
    series = { unit: reading.unit, samples: [], fast: false };
}
const last = series.samples[series.samples.length - 1];
if (last && at <= last.at) {
    return null;
}
const window = Number(env.get("MINUTES")) * 60000;
series.samples = [...series.samples, { at, value }].filter((sample) => sample.at > at - window).slice(-2000);
all[key] = series;
context.set("series", all);

const count = series.samples.length;
const minutes = series.samples.map((sample) => (sample.at - at) / 60000);
const mean = (values) => values.reduce((sum, one) => sum + one, 0) / count;
const middle = mean(minutes);
const average = mean(series.samples.map((sample) => sample.value));
const spread = minutes.reduce((sum, one) => sum + (one - middle) ** 2, 0);
const enough = count >= 3 && -minutes[0] * 60000 >= window / 5; // a slope of a few seconds is noise
const slope = enough && spread > 0
    ? series.samples.reduce((sum, sample, n) => sum + (minutes[n] - middle) * (sample.value - average), 0) / spread
    : null;
const payload = {
    camera, channel: Number(channel), rule, name: reading.name, value, unit: reading.unit, at: reading.at,
    per_minute: slope === null ? null : Math.round(slope * 100) / 100, samples: count, seconds: Math.round(-minutes[0] * 60),
};
const topic = `${env.get("TOPIC")}/${key}`;
const limit = Number(env.get("RISE_PER_MINUTE"));
const fast = slope === null ? series.fast : slope >= limit || (series.fast && slope > limit / 2);
const changed = fast !== series.fast;
series.fast = fast;
if (fast) {
    node.status({ fill: "red", shape: "dot", text: `${key}: ${payload.per_minute} ${reading.unit} a minute` });
} else if (changed) {
    node.status({});
}
return [{ topic, payload, retain: true }, changed ? { topic: `${topic}/rise`, payload: { ...payload, rising: fast }, retain: true } : null];
