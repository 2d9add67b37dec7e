/** The sheet of Draw: what is on it stays when one looks into another view. */
import { Ink } from "../ui/ink.ts";

export const ink = new Ink();
