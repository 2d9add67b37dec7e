/** The entry of the page: the first view is drawn without waiting for what this browser has kept. */
import { render } from "preact";
import { App } from "./app.tsx";
import { loadJob } from "./state/job.ts";
import { loadModels } from "./state/models.ts";
import { fail } from "./state/notices.ts";
import { keepOffline } from "./state/offline.ts";
import { loadProjects } from "./state/projects.ts";
import "./style/page.css";

const place = document.getElementById("app");
if (place === null) throw new Error("the page has no element #app");
render(<App />, place);
for (const load of [loadModels, loadProjects, loadJob]) load().catch(fail);
// A page that cannot be kept works all the same.
keepOffline().catch(console.warn);
