// All ready operations, in the order in which a newcomer meets them.
//
// To add one: write it into the file of its subject; the test runs whatever stands here.
// {{names}} in variables are filled in when the request is sent, see ../world.js.

import bills from "./bills.js";
import cards from "./cards.js";
import history from "./history.js";
import live from "./live.js";
import login from "./login.js";
import money from "./money.js";
import registration from "./registration.js";
import savings from "./savings.js";

export const GROUPS = [registration, login, cards, money, savings, bills, history, live];
