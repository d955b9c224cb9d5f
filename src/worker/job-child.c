/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the child of a job says to its loop, and what its end means. Apart from the loop, so that other programs can
 * have such children, too.
 */

#include "src/basic/text.h"
#include "src/worker/job.h"

int job_report_result(int report_fd, const WorkerJobResult *result) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_RESULT);
        message.result = *result;
        return child_report(report_fd, &message, message.header.size_bytes, -EBADF);
}

int job_report_started(int report_fd, const char *detail) {
        WorkerMessage message = {};

        worker_message_init(&message, WORKER_JOB_STARTED);
        (void) text_copy(message.result.detail, sizeof(message.result.detail), detail);
        return child_report(report_fd, &message, message.header.size_bytes, -EBADF);
}

void job_explain_end(const ChildEnd *end, WorkerJobResult *result) {
        switch (end->ending) {
        case CHILD_EXITED:
                result->outcome = OUTCOME_FAILED;
                (void) text_append_format(result->detail, sizeof(result->detail), "its process ended with status %d",
                                          end->status);
                return;
        case CHILD_DIED:
                result->outcome = OUTCOME_FAILED;
                (void) text_append_format(result->detail, sizeof(result->detail), "its process died of signal %d",
                                          end->status);
                return;
        case CHILD_CRASHED:
                result->outcome = OUTCOME_CRASHED;
                (void) text_append_format(
                        result->detail, sizeof(result->detail),
                        "the kernel crashed in it; restart the machine before the file system is used on");
                return;
        case CHILD_TIMED_OUT:
                result->outcome = OUTCOME_TIMED_OUT;
                return;
        case CHILD_CANCELLED:
                result->outcome = OUTCOME_CANCELLED;
                return;
        }
}
