/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Manager1.Subscribe: full records, file names included, as signals to those alone who asked and were allowed to.
 *
 * A subscriber that does not read would fill queues of the bus that others need. So each is asked for a sign of life
 * (org.freedesktop.DBus.Peer.Ping, which every D-Bus library answers by itself where it reads its messages) after so
 * many records, and is cut off if it does not give one.
 */
#pragma once

#include "src/bus/bus-context.h"
#include "src/bus/bus-signal.h"

/* In all, and of one user. */
#define BUS_SUBSCRIPTIONS_MAX 64
#define BUS_SUBSCRIPTIONS_PER_USER_MAX 8
/* Records until a sign of life is asked for; until it has to be there; how long it may take in any case. */
#define BUS_SUBSCRIPTION_ASK_RECORDS 64
#define BUS_SUBSCRIPTION_UNREAD_RECORDS_MAX 2048
#define BUS_SUBSCRIPTION_ANSWER_USEC (30 * USEC_PER_SEC)

/* Records leave the rest of what may wait for the bus to the signals for everybody. */
#define BUS_RECORDS_QUEUED_MAX (BUS_SIGNALS_QUEUED_MAX / 2)

int bus_subscribe_on_subscribe(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_subscribe_on_unsubscribe(sd_bus_message *message, void *userdata, sd_bus_error *error);
int bus_subscribe_get(sd_bus *bus, const char *path, const char *interface, const char *property,
                      sd_bus_message *reply, void *userdata, sd_bus_error *error);

/* Begins to listen to the history; after BusContext.history was set. */
void bus_subscribe_init(BusContext *context);
void bus_subscribe_done(BusContext *context);
/* The connection is gone, and with it everybody's name. */
void bus_subscribe_drop_all(BusContext *context);
