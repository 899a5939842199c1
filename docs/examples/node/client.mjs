// Ask the daemon, change something, and follow two topics: `npm ci && node client.mjs`.
import { decode, encode } from "@msgpack/msgpack";
import { Dealer, Subscriber } from "zeromq";

const folder = process.env.AG06D_RUNTIME_DIR ?? `${process.env.XDG_RUNTIME_DIR}/ag06d`;
const control = new Dealer({ linger: 0, receiveTimeout: 6000 });
control.connect(`ipc://${folder}/control.sock`);
let id = 0;

async function request(op, body = {}) {
  await control.send(["AG06/1", encode({ id: ++id, op, deadline_ms: 5000 }), encode(body)]);
  for (;;) {
    const [, header, answer] = (await control.receive()).map((frame, n) => (n ? decode(frame) : frame));
    if (header.re !== id) continue; // the late answer to one that was given up
    if (header.status === "error") throw new Error(`${answer.code}: ${answer.message} ${answer.hint}`);
    return answer;
  }
}

const { state, boot } = await request("status");
console.log(JSON.stringify({ state, boot }));
const { changed } = await request("set", { changes: { "chain.a.comp.threshold_db": { add: -1 } } });
console.log(JSON.stringify({ changed }));
await request("get", { path: "chain.a.como" }).catch((error) => console.log(JSON.stringify({ error: error.message })));

const { fields } = (await request("describe")).topics["feature.basic"];
const stream = new Subscriber({ linger: 0 });
stream.subscribe("meters.", "feature.basic.");
stream.connect(`ipc://${folder}/stream.sock`);
const expected = new Map(); // topic to sequence number
let left = 50;

for await (const [name, head, content, ...buffers] of stream) {
  const [topic, header, body] = [name.toString(), decode(head), decode(content)];
  const missed = header.seq - (expected.get(topic) ?? header.seq);
  expected.set(topic, header.seq + 1);
  if (topic === "meters.") {
    console.log(JSON.stringify({ topic, missed, peak_db: body.dry.peak_db }));
  } else {
    const { buffer, byteOffset } = Uint8Array.from(buffers[0]); // aligned, as Float32Array wants it
    const values = new Float32Array(buffer, byteOffset, body.arrays[0].shape[0]);
    const features = Object.fromEntries(fields.map((field, n) => [field, values[n]]));
    console.log(JSON.stringify({ topic, missed, features }));
  }
  if (--left === 0) break;
}
