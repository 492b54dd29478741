// Loaded before the first paint, so that a dark page never flashes white. Not a module for that reason.
(() => {
  const KEY = 'theme';
  const system = matchMedia('(prefers-color-scheme: dark)');
  const root = document.documentElement;
  const stored = () => {
    try { return localStorage.getItem(KEY); } catch { return null; }
  };
  const apply = () => {
    const choice = stored();
    const theme = choice === 'light' || choice === 'dark' ? choice : system.matches ? 'dark' : 'light';
    if (root.getAttribute('data-bs-theme') === theme) return;
    root.setAttribute('data-bs-theme', theme);
    document.dispatchEvent(new CustomEvent('themechange', { detail: theme }));
  };
  apply();
  system.addEventListener('change', apply);
  addEventListener('storage', apply);
  addEventListener('DOMContentLoaded', () => {
    document.getElementById('theme-toggle')?.addEventListener('click', () => {
      const next = root.getAttribute('data-bs-theme') === 'dark' ? 'light' : 'dark';
      try { localStorage.setItem(KEY, next); } catch { root.setAttribute('data-bs-theme', next); }
      apply();
    });
    // On the account page: by the system, light or dark. By the system means that nothing is kept.
    for (const choice of document.querySelectorAll('input[name=theme]')) {
      choice.checked = choice.value === (stored() ?? 'system');
      choice.addEventListener('change', () => {
        try {
          if (choice.value === 'system') localStorage.removeItem(KEY);
          else localStorage.setItem(KEY, choice.value);
        } catch { /* without storage the system decides */ }
        apply();
      });
    }
    // A menu closes when one clicks elsewhere or presses Escape, as people expect.
    document.addEventListener('click', (event) => {
      for (const menu of document.querySelectorAll('details.menu[open]')) {
        if (!menu.contains(event.target)) menu.open = false;
      }
    });
    document.addEventListener('keydown', (event) => {
      if (event.key !== 'Escape') return;
      for (const menu of document.querySelectorAll('details.menu[open]')) {
        menu.open = false;
        menu.querySelector('summary').focus();
      }
    });
  });
})();
