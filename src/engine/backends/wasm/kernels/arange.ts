/** The kernel of the numbers 0, 1, 2, … */
import { addI, mulI } from "../assembler.ts";
import { firstAxisDomain } from "./copy.ts";
import type { RootKernel } from "./kernel.ts";

export const arangeRoot: RootKernel = {
  domain: firstAxisDomain,
  rides: "none",
  emit: (kernel) => {
    const { f, root, begin, end } = kernel;
    f.for(begin, end, 1, (i) => f.storeI32(addI(kernel.pointer(root), mulI(i, 4)), i));
  },
};
