// Every reply of the SMTP server, in one place.
#pragma once

#include "smtpd/reply.h"

namespace letterlock::smtpd::replies {

// Said with the host name before the text.
inline constexpr Reply greeting{220, "", "ESMTP Letterlock"};
inline constexpr Reply hello{250, "", ""};
inline constexpr Reply bye{221, "2.0.0", "Goodbye"};
inline constexpr Reply too_many_errors{421, "4.7.0", "Too many errors, closing"};
inline constexpr Reply too_many_idle_commands{421, "4.7.0",
                                              "Too many commands without mail, closing"};
inline constexpr Reply too_many_refusals{421, "4.7.0", "Too many refusals, closing"};
inline constexpr Reply too_many_messages{421, "4.7.0", "Too many messages, connect again"};
inline constexpr Reply shutting_down{421, "4.3.2", "Shutting down, try again later"};
inline constexpr Reply timeout{421, "4.4.2", "Timeout, closing"};
inline constexpr Reply access_withdrawn{421, "4.7.0", "Access withdrawn, closing"};
inline constexpr Reply message_rate{421, "4.7.0", "Too many messages from you, try again later"};
inline constexpr Reply bad_chunk{421, "4.7.0", "Syntax error in BDAT, closing"};
inline constexpr Reply early_plaintext{421, "4.7.0", "Input after STARTTLS, closing"};

inline constexpr Reply early_talker{554, "5.5.1", "Input before the greeting, closing"};

// Said at the door, instead of the greeting.
inline constexpr Reply access_denied{554, "5.7.1", "Access denied"};
// The code for a client without the right name would be 5.7.25 (RFC 7372), if it told more than a
// stranger needs to know. 4.4.3 is RFC 3463's for a directory that does not answer.
inline constexpr Reply name_in_doubt{421, "4.4.3", "Cannot look up your name, try again later"};
inline constexpr Reply too_many_connections{421, "4.7.0",
                                            "Too many connections from you, try again later"};
inline constexpr Reply connection_rate{421, "4.7.0", "You connect too often, try again later"};
inline constexpr Reply locked_out{421, "4.7.0", "Too many errors from you, try again later"};

inline constexpr Reply ok{250, "2.0.0", "OK"};
inline constexpr Reply sender_ok{250, "2.1.0", "Sender OK"};
inline constexpr Reply recipient_ok{250, "2.1.5", "Recipient OK"};
inline constexpr Reply ready_for_tls{220, "2.0.0", "Ready to start TLS"};
inline constexpr Reply help{214, "2.0.0", "See RFC 5321"};
inline constexpr Reply cannot_verify{252, "2.0.0", "Cannot verify, try RCPT"};
inline constexpr Reply cannot_expand{252, "2.0.0", "Cannot expand, try RCPT"};
inline constexpr Reply chunk_ok{250, "2.0.0", "Chunk OK"};
inline constexpr Reply go_ahead{354, "", "End data with <CR><LF>.<CR><LF>"};

// What the command parser refuses (CommandFault).
inline constexpr Reply unknown_command{500, "5.5.2", "Command not recognized"};
inline constexpr Reply other_protocol{500, "5.5.2", "This is SMTP, closing"};
inline constexpr Reply bad_characters{500, "5.5.2", "Control character in command"};
inline constexpr Reply bare_line_feed{500, "5.5.2", "Bare LF in command, lines end in CR LF"};
inline constexpr Reply line_too_long{500, "5.5.2", "Line too long"};
inline constexpr Reply not_implemented{502, "5.5.1", "Command not implemented"};
inline constexpr Reply bad_argument{501, "5.5.4", "Syntax error in argument"};
inline constexpr Reply bad_hello{501, "", "A host name is needed"};
inline constexpr Reply bad_sender{501, "5.1.7", "Bad sender address syntax"};
inline constexpr Reply bad_recipient{501, "5.1.3", "Bad recipient address syntax"};
inline constexpr Reply bad_parameter{501, "5.5.4", "Bad parameter"};
inline constexpr Reply duplicate_parameter{501, "5.5.4", "Parameter given twice"};
inline constexpr Reply unsupported_value{504, "5.5.4", "Parameter value not implemented"};
inline constexpr Reply unknown_parameter{555, "5.5.4", "Parameter not recognized"};

// Order of commands.
inline constexpr Reply need_hello{503, "5.5.1", "Say HELO or EHLO first"};
inline constexpr Reply need_mail{503, "5.5.1", "Say MAIL first"};
inline constexpr Reply nested_mail{503, "5.5.1", "Sender already given"};
inline constexpr Reply in_chunks{503, "5.5.1", "Not between the chunks of a message"};
inline constexpr Reply data_after_bdat{503, "5.5.1", "DATA after BDAT, message dropped"};
inline constexpr Reply no_recipients{554, "5.5.1", "No valid recipients"};
inline constexpr Reply tls_not_offered{502, "5.5.1", "STARTTLS not offered"};
inline constexpr Reply tls_already_on{503, "5.5.1", "TLS is already on"};
inline constexpr Reply tls_in_transaction{503, "5.5.1", "Not within a mail transaction"};

// Recipients.
inline constexpr Reply no_such_user{550, "5.1.1", "No such user here"};
inline constexpr Reply relaying_denied{550, "5.7.1", "Relaying denied"};
inline constexpr Reply too_many_recipients{452, "4.5.3", "Too many recipients"};
inline constexpr Reply recipients_changed{451, "4.3.0", "Recipients have changed, try again"};
inline constexpr Reply non_ascii_address{553, "5.6.7", "Address needs SMTPUTF8"};

// Content.
inline constexpr Reply bad_line_end{550, "5.6.11", "Bare CR, bare LF or NUL in message"};
inline constexpr Reply message_too_big{552, "5.3.4", "Message too big"};
inline constexpr Reply header_too_big{552, "5.3.4", "Header too big"};
inline constexpr Reply mail_loop{554, "5.4.6", "Too many hops"};

// Storage.
inline constexpr Reply storage_full{452, "4.3.1", "Not enough storage, try again later"};
inline constexpr Reply over_quota{452, "4.2.2", "Mailbox full, try again later"};
inline constexpr Reply storage_failed{451, "4.3.0", "Storage failed, try again later"};
inline constexpr Reply message_refused{554, "5.3.0", "Message refused"};

} // namespace letterlock::smtpd::replies
