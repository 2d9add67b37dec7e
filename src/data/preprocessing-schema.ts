/**
 * Checks a {@link Preprocessing} that comes from a file. Apart from preprocess.ts, so that exported recognisers, which
 * trust what they carry, do not carry the checks.
 */
import { z } from "zod";
import type { Preprocessing } from "./preprocess.ts";

const side = z.int().min(1).max(4096);

/** Checks a {@link Preprocessing} that comes from a file. */
export const preprocessingSchema: z.ZodType<Preprocessing> = z
  .discriminatedUnion("kind", [
    z.strictObject({
      kind: z.literal("ink"),
      height: side,
      width: side,
      box: side,
      polarity: z.enum(["auto", "light-on-dark", "dark-on-light"]),
      centre: z.enum(["mass", "box"]),
      minStroke: z.number().min(0).max(64),
    }),
    z.strictObject({
      kind: z.literal("resize"),
      height: side,
      width: side,
      channels: z.union([z.literal(1), z.literal(3)]),
      invert: z.boolean(),
    }),
  ])
  .refine((p) => p.kind !== "ink" || p.box <= Math.min(p.height, p.width), "box is larger than the picture");
