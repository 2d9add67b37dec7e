/** `data`, as Node has it: known data sets, files and folders. An entry point, so the one place that may re-export. */
export { AUGMENTATION_NAMES } from "../data/augment/augmentations.ts";
export { type MosaicOptions, mosaic } from "../data/augment/mosaic.ts";
export { type AugmentOption, PRESET_NAMES, type PresetName, resolveAugmentations } from "../data/augment/presets.ts";
export type { Augmentation, AugmentationList } from "../data/augment/records.ts";
export { conform } from "../data/conform.ts";
export { type Dataset, ImageDataset, type ImageSource } from "../data/dataset.ts";
export { describeData } from "../data/inspect.ts";
export type { Picture } from "../data/picture.ts";
export { MNIST_PREPROCESSING, type Preprocessing } from "../data/preprocess.ts";
export { type LoadedData, listSources } from "../data/sources.ts";
export { Subset, stratifiedSplit, takeImages } from "../data/split.ts";
export { type ByteSource, StreamedDataset, type StreamedSource } from "../data/streamed.ts";
export { decodeImage, encodePng } from "../platform/node/images.ts";
export { openData as open } from "../platform/node/open-data.ts";
export { fashionMnist, mnist, optdigits, usps } from "../platform/node/sources.ts";
export { type OpenStream, type StreamOptions, streamIdx as stream } from "../platform/node/streamed-idx.ts";
