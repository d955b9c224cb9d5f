/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Units that may not be started, in the loop: says to healerd which, and ends a hold at its time or when healerd says
 * so. The marks are the truth (unit-mark.h); what is known here is what healerd was told.
 */
#pragma once

#include "src/worker/worker.h"

typedef struct HoldTable HoldTable;

/* At the start: holds of earlier workers go on, drop-ins without a hold go. */
void hold_adopt(Worker *worker);
/* New marks are said. */
void hold_look(Worker *worker);
/* A new healerd: all of them. */
void hold_say_all(Worker *worker);
/* It may be started again, from now on. Without a hold of it healerd is told the same. */
void hold_lift(Worker *worker, const char *unit);
void hold_clear(Worker *worker);
