/** The layers of a network by the names of their weights: for whoever freezes, replaces or slows down some (freeze.ts, transfer.ts). */
import type { AnyParameter, Module } from "../../nn/module.ts";

/**
 * The layers of a network from input to output, each the names of its weights. What has vectors only (a normalization)
 * belongs to the layer before it.
 */
export function layersOf(network: Module): string[][] {
  const layers = new Map<string, string[]>();
  const trainable = new Set<AnyParameter>(network.trainable());
  let current: string[] = [];
  for (const [name, parameter] of network.namedParameters()) {
    if (!trainable.has(parameter)) continue;
    const owner = ownerOf(name);
    const known = layers.get(owner);
    if (known !== undefined) current = known;
    else if (parameter.rank > 1 || layers.size === 0) layers.set(owner, (current = []));
    current.push(name);
  }
  return [...layers.values()];
}

/** The module that a weight belongs to: `conv1` of `conv1.weight`. */
export function ownerOf(name: string): string {
  const dot = name.lastIndexOf(".");
  return dot < 0 ? name : name.slice(0, dot);
}
