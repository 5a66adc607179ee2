// Package abuse does to the real program what strangers and broken senders do: bodies that are no signals, wrong secrets, forged
// headers, the same request again and again, connections that never say anything, more signals at once than can be served. Each test
// says what the answer has to be, that its body tells the sender what to do, and that nothing entered the log which should not.
//
// Nothing in it reaches into the process: it speaks HTTP and TCP, reads stderr, and reads the log from its files. The programs are
// built once. PM_E2E=full takes the long form of the burst; go test runs a shorter one of the same shape.
package abuse
