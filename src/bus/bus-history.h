/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.ListEvents and GetEvent: ask the recorder and answer when it has answered; nothing waits meanwhile.
 */
#pragma once

#include "src/bus/bus-context.h"

#define BUS_HISTORY_DEFAULT_MAX 1000

/**
 * bus_history_read_options() - the options of a question to the history, as every member takes them that asks one
 * @has_since: "since" is one of them
 * @query: its words, file system, time and serial are set, if they are given
 *
 * Words that no row can have are refused, with the nearest that is one.
 */
int bus_history_read_options(BusContext *context, sd_bus_message *message, bool has_since, HistoryQuery *query,
                             sd_bus_error *error);

/* Asks. Returns 0: @answer is called later; or a negative errno with @error set. */
int bus_history_ask(BusContext *context, const HistoryQuery *query, HistoryAnswer answer, void *userdata,
                    sd_bus_error *error);

/* One row as ListEvents gives it, with "missed" if @n_missed is not 0. 0 or more, or a negative errno. */
int bus_history_append_row(sd_bus_message *reply, const HistoryRow *row, bool with_facts, uint64_t n_missed);

int bus_history_on_get_event(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_history_on_list_events(sd_bus_message *message, void *userdata, sd_bus_error *error);
