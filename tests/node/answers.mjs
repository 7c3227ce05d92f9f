// The policy module in a JavaScript engine, by nothing but WebAssembly's own interface: a question a line in, its answer a line out.
//
//   node answers.mjs policy.wasm < questions > answers
//
// A line is the number of a decision point, a tab and the question; the number 0 loads the policy that follows it for the questions to come.
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";

const module = new WebAssembly.Module(readFileSync(process.argv[2]));
const imports = WebAssembly.Module.imports(module);
if (imports.length > 0) throw new Error(`the module imports ${JSON.stringify(imports)}`);
const { exports: policy } = new WebAssembly.Instance(module, {});
if (policy.abi_version() !== 1) throw new Error(`the module speaks version ${policy.abi_version()}`);

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Passes the bytes of `text` to `call` and gives its answer as text. */
function ask(text, call) {
  const bytes = encoder.encode(text);
  const pointer = policy.alloc(bytes.length) >>> 0;
  if (pointer === 0) throw new Error(`no buffer of ${bytes.length} bytes`);
  // Memory may have moved with every call: the view is made anew each time.
  new Uint8Array(policy.memory.buffer, pointer, bytes.length).set(bytes);
  // An i64 comes as a signed BigInt.
  const place = BigInt.asUintN(64, call(pointer, bytes.length));
  const [start, length] = [Number(place >> 32n), Number(place & 0xffffffffn)];
  const answer = decoder.decode(new Uint8Array(policy.memory.buffer, start, length));
  policy.free(start, length);
  policy.free(pointer, bytes.length);
  return answer;
}

let handle = 0;
for await (const line of createInterface({ input: process.stdin, crlfDelay: Infinity })) {
  const tab = line.indexOf("\t");
  const point = Number(line.slice(0, tab));
  const text = line.slice(tab + 1);
  let answer;
  if (point === 0) {
    answer = ask(text, policy.load);
    handle = JSON.parse(answer).ok?.handle ?? 0;
  } else {
    answer = ask(text, (pointer, length) => policy.eval(handle, point, pointer, length));
  }
  if (!process.stdout.write(answer + "\n")) await new Promise((resolve) => process.stdout.once("drain", resolve));
}
