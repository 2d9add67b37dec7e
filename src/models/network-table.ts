/**
 * The named networks of all tasks but that of pictures by class, which are registry.ts's: one table, from which each is loaded when
 * it is asked for, so that a page which reads pictures loads none of them.
 */
import type { InputKind } from "../task/input.ts";
import type { TaskKind } from "../task/task.ts";
import type { NetworkRecord } from "./network.ts";

/** What a network is for, known before it is loaded. */
export interface NetworkEntry {
  readonly task: TaskKind;
  readonly input: InputKind;
  readonly load: () => Promise<NetworkRecord>;
}

/** Named networks by task. */
export const NETWORKS = {
  "lstm-lm": { task: "generate", input: "text", load: async () => (await import("./lstm-lm.ts")).lstmLm },
  "gpt-s": { task: "generate", input: "text", load: async () => (await import("./gpt-s.ts")).gptS },
  "llama-s": { task: "generate", input: "text", load: async () => (await import("./llama-s.ts")).llamaS },
  "text-cnn": { task: "classify", input: "text", load: async () => (await import("./text-cnn.ts")).textCnn },
  lstm: { task: "classify", input: "text", load: async () => (await import("./text-lstm.ts")).textLstm },
  reader: { task: "transcribe", input: "line", load: async () => (await import("./reader.ts")).reader },
} as const satisfies Readonly<Record<string, NetworkEntry>>;

/** The name of one of {@link NETWORKS}. */
export type NetworkName = keyof typeof NETWORKS;

/** A name of {@link NETWORKS}; undefined for any other. */
export const networkNamed = (name: string): NetworkEntry | undefined =>
  Object.hasOwn(NETWORKS, name) ? NETWORKS[name as NetworkName] : undefined;
