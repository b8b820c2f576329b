// Wakes those who wait. In a worker, for browsers let a page's own clocks almost stand still while its tab is hidden.
onmessage = ({ data: { name, ms } }) => setTimeout(() => postMessage(name), ms);
