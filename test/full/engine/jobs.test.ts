import { jobKills } from "../../engine/job-kills.ts";

jobKills();
