// Light or dark: the system's choice until the reader makes one.
const root = document.documentElement;
const remembered = () => { try { return localStorage.getItem('printroom-theme'); } catch { return null; } };
const showTheme = (name) => { if (name === 'light' || name === 'dark') root.dataset.theme = name; };
function switchTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === 'dark' : matchMedia('(prefers-color-scheme: dark)').matches;
  showTheme(dark ? 'light' : 'dark');
  try { localStorage.setItem('printroom-theme', root.dataset.theme); } catch { /* a page without storage forgets */ }
}
showTheme(remembered());
document.getElementById('theme').addEventListener('click', switchTheme);
