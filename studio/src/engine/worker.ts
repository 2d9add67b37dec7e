/** The script of both workers: offers the engine (local-engine.ts) to the page. */
import { expose } from "comlink";
import { LocalEngine } from "./local-engine.ts";

expose(new LocalEngine());
