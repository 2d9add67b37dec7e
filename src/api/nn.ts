/** `nn`: layers, and what a user's own modules are made of. An entry point, so the one place that may re-export. */

export { ELU, GELU, LeakyReLU, LogSoftmax, ReLU, Sigmoid, SiLU, Softmax, Softplus, Tanh } from "../nn/activation.ts";
export { type AttentionMasks, MultiheadAttention, type MultiheadAttentionOptions } from "../nn/attention.ts";
export { Conv2d, type Conv2dOptions, DepthwiseSeparableConv2d } from "../nn/conv.ts";
export { Crop2d } from "../nn/crop.ts";
export { Dropout } from "../nn/dropout.ts";
export { Flatten } from "../nn/flatten.ts";
export { initialize, kaimingUniform, normalInit, uniformInit } from "../nn/init.ts";
export { Embedding, Linear } from "../nn/linear.ts";
export type { Context } from "../nn/module.ts";
export { Module } from "../nn/module.ts";
export { BatchNorm2d, GroupNorm, LayerNorm, RMSNorm } from "../nn/norm.ts";
export { AdaptiveAvgPool2d, AvgPool2d, GlobalAvgPool2d, MaxPool2d } from "../nn/pool.ts";
export { GRU, LSTM, type RecurrentLayerOptions, type SequenceOptions, type SequenceResult } from "../nn/recurrent.ts";
export { Sequential } from "../nn/sequential.ts";
export { formatSummary, summary } from "../nn/summary.ts";
