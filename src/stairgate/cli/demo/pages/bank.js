// The bank's only script: it waits, and then presses the button. Without it a person does both.

const { state, events } = document.querySelector("main").dataset;
const POLL_SECONDS = 3;

const form = document.querySelector("form[data-go]");
if (form) {
  form.submit();
} else if (events) {
  const source = new EventSource(events);
  source.onmessage = ({ data }) => { if (data !== state) { source.close(); location.reload(); } };
  source.onerror = () => { source.close(); setTimeout(() => location.reload(), POLL_SECONDS * 1000); };
}
