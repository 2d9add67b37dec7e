/** In place of helpers/wasm-backend.ts in pages. */
export { browserWasmBackend as wasmBackendHere } from "../../src/platform/browser/threads.ts";
