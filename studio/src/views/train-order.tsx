/** What is to be trained: the network, for how long, and how, each setting with its recipe's value until it is changed. */

import type { ComponentChildren } from "preact";
import { exact, texts, whole } from "../i18n/i18n.ts";
import { isBusy, startJob } from "../state/job.ts";
import { AUGMENTS, NETWORKS, OPTIMIZERS, type OptimizerName } from "../state/networks.ts";
import { attempt } from "../state/notices.ts";
import {
  augment,
  chooseAugment,
  chooseOptimizer,
  fields,
  firstWrong,
  isChanged,
  isWrong,
  jobOf,
  type NumberSetting,
  network,
  numberOf,
  optimizer,
  RANGES,
  reset,
  textOf,
  type,
} from "../state/order.ts";
import { Choice, NumberField } from "../ui/fields.tsx";
import { Icon } from "../ui/icons.tsx";

export function Order() {
  const t = texts.value.train;
  const start = (event: Event): void => {
    event.preventDefault();
    const wrong = firstWrong();
    if (wrong !== undefined) document.getElementById(wrong)?.focus();
    else attempt(() => startJob(jobOf(), network.value));
  };
  return (
    <form class="order" noValidate onSubmit={start}>
      <fieldset class="networks">
        <legend>{t.network}</legend>
        {NETWORKS.map(({ name, parameters }) => (
          <label key={name} class="option">
            <input
              type="radio"
              name="network"
              value={name}
              checked={network.value === name}
              onChange={() => {
                network.value = name;
              }}
            />
            <span class="name">{name}</span>
            <span class="soft">{t.networks[name]}</span>
            <span class="number">{t.parameters(whole(parameters))}</span>
          </label>
        ))}
      </fieldset>
      <Settings />
    </form>
  );
}

function Settings() {
  const t = texts.value.train;
  return (
    <div class="settings">
      <Epochs />
      <fieldset class="learning">
        <legend>{t.settings}</legend>
        <Choice
          label={t.optimizer}
          value={optimizer.value}
          values={Object.keys(OPTIMIZERS) as OptimizerName[]}
          nameOf={(name) => t.optimizers[name]}
          onChoose={chooseOptimizer}
        />
        {fields.value
          .filter((field) => field !== "epochs")
          .map((field) => (
            <Setting key={field} field={field} />
          ))}
        <Choice
          label={t.augment}
          value={augment.value}
          values={AUGMENTS}
          nameOf={(name) => t.augments[name]}
          onChoose={chooseAugment}
        />
        <button type="button" disabled={!isChanged.value} onClick={reset}>
          <Icon name="undo" />
          {t.reset}
        </button>
      </fieldset>
      <button type="submit" class="primary" disabled={isBusy.value}>
        <Icon name="train" />
        {t.start}
      </button>
      {isBusy.value && <p class="soft">{t.busy}</p>}
    </div>
  );
}

function Epochs() {
  const t = texts.value.train;
  const { least, most } = RANGES.epochs;
  const change = (by: number): void => {
    const from = Math.round(numberOf("epochs")) || least;
    type("epochs", `${Math.min(most, Math.max(least, from + by))}`);
  };
  return (
    <div class="stepper">
      <Setting
        field="epochs"
        before={
          <button type="button" class="icon-button" aria-label={t.fewer} onClick={() => change(-1)}>
            <Icon name="minus" />
          </button>
        }
        after={
          <button type="button" class="icon-button" aria-label={t.moreEpochs} onClick={() => change(1)}>
            <Icon name="plus" />
          </button>
        }
      />
    </div>
  );
}

interface SettingProps {
  readonly field: NumberSetting;
  readonly before?: ComponentChildren | undefined;
  readonly after?: ComponentChildren | undefined;
}

function Setting({ field, before, after }: SettingProps) {
  const t = texts.value.train;
  const { least, most, isWhole } = RANGES[field];
  const [from, to] = [exact(least), exact(most)];
  return (
    <NumberField
      id={field}
      label={t.fields[field]}
      text={textOf(field)}
      error={isWrong(field) ? (isWhole ? t.wholeFrom(from, to) : t.numberFrom(from, to)) : undefined}
      hint={field === "epochs" ? t.epochsHint : undefined}
      before={before}
      after={after}
      onType={(text) => type(field, text)}
    />
  );
}
