// All strings of the page: key -> [English, Korean]. One file per area; a key may stand in only one of them.

import { byhand } from "./byhand.js";
import { chart } from "./chart.js";
import { connection } from "./connection.js";
import { controls } from "./controls.js";
import { data } from "./data.js";
import { dialogs } from "./dialogs.js";
import { errors } from "./errors.js";
import { lessons } from "./lessons.js";
import { network } from "./network.js";
import { output } from "./output.js";
import { table } from "./table.js";
import { transport } from "./transport.js";

export function join(...tables) {
  const all = Object.create(null);
  for (const table of tables) {
    for (const [key, pair] of Object.entries(table)) {
      if (key in all) throw new Error(`the string "${key}" is defined twice`);
      all[key] = pair;
    }
  }
  return all;
}

export const strings = join(byhand, chart, connection, controls, data, dialogs, errors, lessons, network, output, table, transport);
