/** `data`, as web pages have it: addresses, bytes and pictures. An entry point, so the one place that may re-export. */
export { readMnistPackage } from "../data/formats/mnist-package.ts";
export { decodePicture, type PictureSource } from "../platform/browser/pictures.ts";
export {
  fashionMnist,
  mnist,
  type OwnDescription,
  optdigits,
  type PictureOptions,
  readCsv,
  readIdx,
  readPictures,
  type SourceOptions,
  usps,
} from "../platform/browser/sources.ts";
export * from "./data-common.ts";
