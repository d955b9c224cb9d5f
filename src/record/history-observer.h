/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes rows of what the engine tells its observers.
 */
#pragma once

#include "src/record/history-link.h"

/* Subscribes; the link must be freed after the engine. */
int history_observer_add(Engine *engine, HistoryLink *link);
