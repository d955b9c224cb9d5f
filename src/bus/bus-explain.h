/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.Explain: an event, written down or out of the history, to the running policy. Nothing waits meanwhile: the
 * recorder and the worker answer when they do.
 */
#pragma once

#include "src/bus/bus-context.h"

int bus_explain_on_explain(sd_bus_message *message, void *userdata, sd_bus_error *error);
