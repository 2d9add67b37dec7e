/** `data`, as Node has it: known data sets, files and folders. An entry point, so the one place that may re-export. */
export { conform } from "../data/conform.ts";
export { type Dataset, ImageDataset, type ImageSource } from "../data/dataset.ts";
export { describeData } from "../data/inspect.ts";
export type { Picture } from "../data/picture.ts";
export { MNIST_PREPROCESSING, type Preprocessing } from "../data/preprocess.ts";
export { type LoadedData, listSources } from "../data/sources.ts";
export { Subset, stratifiedSplit, takeImages } from "../data/split.ts";
export { decodeImage } from "../platform/node/images.ts";
export { openData as open } from "../platform/node/open-data.ts";
export { fashionMnist, mnist, optdigits, usps } from "../platform/node/sources.ts";
