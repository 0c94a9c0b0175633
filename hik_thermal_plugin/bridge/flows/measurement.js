// Ask for a measurement and wait for its answer. Output 1: the question. 2: the answer. 3: what went wrong, or that none came.
// In: {camera, channel, point: [x, y]}, or `line` or `region` in place of `point`; coordinates are 0…1 from the top left.
const asked = context.get("asked") || {};
if (String(msg.topic).endsWith("/measure/result")) {
    const answer = msg.payload;
    const question = answer && asked[answer.id];
    if (!question) {
        return null; // somebody else's
    }
    delete asked[answer.id];
    context.set("asked", asked);
    node.status({ fill: answer.ok ? "green" : "red", shape: "dot", text: answer.ok ? question : answer.error });
    const message = { topic: question, payload: answer };
    return answer.ok ? [null, message, null] : [null, null, message];
}

const { camera, channel, ...where } = msg.payload || {};
const place = `${camera}/${channel}`;
const id = RED.util.generateId();
asked[id] = place;
context.set("asked", asked);
node.status({ fill: "blue", shape: "ring", text: `asked ${place}` });
setTimeout(() => {
    const open = context.get("asked") || {};
    if (open[id]) {
        delete open[id];
        context.set("asked", open);
        node.status({ fill: "red", shape: "ring", text: `${place}: no answer` });
        node.send([null, null, { topic: place, payload: { id, ok: false, error: "no answer" } }]);
    }
}, Number(env.get("ANSWER_SECONDS")) * 1000);
return [{ topic: `${env.get("PREFIX")}/${place}/measure/set`, payload: { id, ...where } }, null, null];
