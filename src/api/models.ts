/** `models`: networks by name. An entry point, so the one place that may re-export. */
export { ARCHITECTURES, type CreateOptions, create, findArchitecture } from "../models/registry.ts";
