/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The events of the log: the names that stay, for programs (key log-format). The manual,
 * fwsshd(8), "Events", has the same table; a test compares them.
 */
#ifndef FWSSH_DEVICE_CONFIG_LOG_EVENTS_H
#define FWSSH_DEVICE_CONFIG_LOG_EVENTS_H

#define EVENT_LISTENING "listening"
#define EVENT_RELOADED "reloaded"
#define EVENT_RELOAD_FAILED "reload-failed"
#define EVENT_STOPPING "stopping"
#define EVENT_CONFIGURATION_ERROR "configuration-error"
#define EVENT_UNKNOWN_KEY "unknown-key"
#define EVENT_LAST_GOOD "last-good-configuration"
#define EVENT_SIGNATURES_OFF "signatures-off"
#define EVENT_SANDBOX_MISSING "sandbox-missing"
#define EVENT_HOST_KEY "host-key"
#define EVENT_HOST_KEY_NEW "host-key-new"
#define EVENT_HOST_KEY_DAMAGED "host-key-damaged"
#define EVENT_KEY_FILE_IGNORED "key-file-ignored"
#define EVENT_CONNECTED "connected"
#define EVENT_LOGIN "login"
#define EVENT_LOGIN_REFUSED "login-refused"
#define EVENT_SUBSYSTEM_REFUSED "subsystem-refused"
#define EVENT_DISCONNECTED "disconnected"
#define EVENT_CONNECTION_LOST "connection-lost"
#define EVENT_PENALTY "penalty"
#define EVENT_STRANGERS "strangers"
#define EVENT_SESSION "session"
#define EVENT_SESSION_DIED "session-died"
#define EVENT_UPDATE_STARTED "update-started"
#define EVENT_UPDATE_DONE "update-done"
#define EVENT_UPDATE_FAILED "update-failed"
#define EVENT_REQUEST_STARTED "request-started"
#define EVENT_REQUEST_ANSWERED "request-answered"
#define EVENT_REQUEST_DONE "request-done"
#define EVENT_REQUEST_FAILED "request-failed"
#define EVENT_NOTE "note"
#define EVENT_RECEIVE_DIED "receive-died"
#define EVENT_REBOOTING "rebooting"
#define EVENT_REBOOT_FAILED "reboot-failed"
#define EVENT_NOT_CONFIRMED "not-confirmed"
#define EVENT_AUDIT "audit"

#endif
