/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tells the service manager something, as sd_notify() does, but never waits: that one waits for as long as the manager
 * does not read (it may hang in the very file system that is to be healed), and with it everything else would.
 */
#pragma once

/**
 * notify_send() - one notification
 * @text: lines of NAME=value
 * @fd:   sent along (borrowed), or negative
 *
 * Returns: 0, also where there is no manager that wants to know; -EAGAIN if it does not read just now; or another
 * negative errno. Source: sd_notify(3), "Notes".
 */
int notify_send(const char *text, int fd);
