/** The same as ops.test.ts for functions made of several ops and for the chains that backends fuse. */
import { functionCases } from "./cases.ts";
import { checkAll } from "./check.ts";

checkAll(functionCases);
