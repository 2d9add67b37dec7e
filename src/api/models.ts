/** `models`: networks by name. An entry point, so the one place that may re-export. */
export { findRecipe, type NamedRecipe, RECIPES } from "../models/recipes.ts";
export {
  ARCHITECTURES,
  type ArchitectureName,
  type CreateOptions,
  create,
  findArchitecture,
} from "../models/registry.ts";
