/** The version of this package, as in package.json: written into model files, so it must be known in a browser too. */
export const VERSION = "0.1.0";
