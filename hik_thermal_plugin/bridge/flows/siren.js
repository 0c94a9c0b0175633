// The siren sounds when a camera sees fire and a second source agrees: a temperature or smoke alarm, or another camera's fire.
// Unknown is never "over": while one that agreed cannot be heard, the siren goes on.
const state = context.get("state") || { levels: {}, agreed: [], on: null, settled: false };
const level = msg.payload;
if (level !== null && typeof level === "object") {
    state.levels[msg.topic] = { active: level.active, sure: level.active === true && level.level !== "pre_alarm", kind: level.kind };
} else {
    delete state.levels[msg.topic]; // cleared: the camera is no longer configured
}

const judge = () => {
    const sure = Object.keys(state.levels).filter((topic) => state.levels[topic].sure);
    const agree = sure.length >= 2 && sure.some((topic) => state.levels[topic].kind === "fire");
    const unknown = state.agreed.some((topic) => state.levels[topic] && state.levels[topic].active === null);
    const on = agree || (state.on === true && unknown);
    state.agreed = agree ? sure : on ? state.agreed : [];
    const undecided = state.on === null && Object.values(state.levels).some((one) => one.active === null);
    if (on === state.on || (undecided && !on)) {
        return null; // after a start it may be sounding: it is not silenced while one of them is unknown
    }
    state.on = on;
    const text = on ? `on: ${sure.map((topic) => topic.split("/").slice(-4).join("/")).join(", ")}` : "off";
    node.status({ fill: on ? "red" : "green", shape: "dot", text });
    return { topic: env.get("SIREN_TOPIC"), payload: env.get(on ? "SIREN_ON" : "SIREN_OFF") };
};

let out = null;
if (state.settled) {
    out = judge();
} else if (!state.started) {
    // After a start the retained levels come one by one: no verdict before all of them are there.
    state.started = true;
    setTimeout(() => {
        state.settled = true;
        const message = judge();
        context.set("state", state);
        if (message) { node.send(message); }
    }, Number(env.get("SETTLE_SECONDS")) * 1000);
}
context.set("state", state);
return out;
