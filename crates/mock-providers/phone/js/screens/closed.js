/** What stands in place of a page that was closed after paying. */
import { h, icon } from '../dom.js';
import { t } from '../words.js';

export default {
  path: /^\/closed$/, title: 'closed.title', root: true,
  render() {
    return [h('section.empty', {}, icon('close', 40), h('h2', {}, t('closed.head')), h('p', {}, t('closed.text')),
      h('a.button.primary', { href: '#/' }, t('closed.open')))];
  },
};
