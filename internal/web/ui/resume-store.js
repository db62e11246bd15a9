// @ts-check
import { ResumeStore } from "../client/resume-store.js";

/** Services below different paths of one host share localStorage: the path keeps their entries apart. */
export const resumeStore = new ResumeStore(`signpost${location.pathname.replace(/\/$/, "")}`);
